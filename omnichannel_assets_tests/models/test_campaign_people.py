"""What campaign rules may ask of a customer."""

from datetime import timedelta

from omnichannel_assets.activation.campaign_rule import COLUMNS
from omnichannel_assets.lake.engine import model_text
from omnichannel_assets_tests.models.rows import AS_OF, PARAMETERS, TABLES, engine, person, queried, register


def customer(number: int, **told) -> dict:
    return {"customer_id": person(number), "is_known": True, "orders": 0, "lifetime_value": 0, "devices": 0} | told


def test_a_known_customer_is_there_without_scores_and_a_visitor_is_not():
    rows = queried("campaign_people", customers=[customer(1), customer(2, is_known=False)])
    assert [(row["customer_id"], row["churn_band"], row["days_since_order"]) for row in rows] == [(person(1), None, None)]


def test_days_are_counted_up_to_the_as_of_date():
    (row,) = queried("campaign_people", customers=[customer(1, last_order_at=AS_OF - timedelta(days=400), first_order_at=AS_OF - timedelta(days=500), last_seen_at=AS_OF)])
    assert (row["days_since_order"], row["days_since_first_order"], row["days_since_seen"]) == (400, 500, 0)


def test_scores_of_the_date_come_with_it():
    score = {"customer_id": person(1), "as_of": AS_OF.date(), "churn_band": "high", "repurchase_decile": 1, "expected_spend": 12}
    (row,) = queried("campaign_people", customers=[customer(1)], propensity_scores=[score])
    assert (row["churn_band"], row["repurchase_decile"], row["expected_spend"]) == ("high", 1, 12)


def test_its_columns_are_the_ones_a_rule_may_name_and_their_kinds_too():
    register("campaign_people")
    schema = engine().query(model_text("campaign_people"), PARAMETERS).schema
    assert set(schema.names) - {"customer_id"} == set(COLUMNS)
    for name, (kind, _) in COLUMNS.items():
        stored = next((table.arrow().field(name).type for table in (TABLES["propensity_scores"], TABLES["customers"]) if name in table.names), None)
        if stored is not None:
            assert schema.field(name).type == stored
            declared = {column.name: column.kind for table in (TABLES["propensity_scores"], TABLES["customers"]) for column in table.columns}
            assert declared[name] == kind
