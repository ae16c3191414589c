-- Customers behind today's identifiers = rows here; orders with a customer = the orders counted here + cancelled ones.
-- Grain: one row. Reads: identities, orders, built.
select (select count(distinct customer_id) from identities where valid_to is null) + (select count(*) from orders where customer_id is not null) as rows_in,
    (select count(*) from built) as rows_out, cast((select sum(orders) from built) as bigint) as orders_counted,
    (select count(*) from orders where customer_id is not null and is_called_off(status)) as orders_cancelled
