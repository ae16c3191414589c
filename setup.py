"""Packaging of omnichannel_assets. ``requirements.lock`` pins what ``make`` installs; the ranges here say what the code needs."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="omnichannel-assets",
    version="0.1.0",
    description="One view of each customer from Segment and AWS DMS files, as a Dagster asset graph",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["omnichannel_assets", "omnichannel_assets.*"]),
    package_data={"omnichannel_assets": ["sql/*.sql", "sql/conservation/*.sql", "dms/registry.yaml", "identity/rules.yaml", "activation/campaigns.yaml"]},
    entry_points={"console_scripts": ["omnichannel = omnichannel_assets.cli:main"]},
    install_requires=[
        # dagster-aws and dagster-webserver pin dagster exactly and stop at 1.13.27: asking for a newer one silently gets an ancient dagster-aws.
        "dagster>=1.13.27,<1.13.28",
        "dagster-webserver>=1.13.27,<1.13.28",
        "dagster-aws>=0.29.27,<0.30",
        "dagster-dg-cli>=1.13.27,<1.13.28",
        "duckdb>=2,<2.1",
        "pandas>=3.1,<4",
        "pyarrow>=26,<27",
        "numpy>=2.4",
        "scipy>=1.16",
        "scikit-learn>=1.9,<2",
        # xgboost itself brings 300 MB of GPU libraries; the module is the same.
        "xgboost-cpu>=3.2,<4",
        "optuna>=5,<6",
        "boto3>=1.43",
        "botocore>=1.43",
        "great-expectations>=1.24,<2",
        "matplotlib>=3.10",
        "phonenumbers>=9",
        "pydantic>=2.11,<3",
        "python-dotenv>=1",
        "PyYAML>=6",
        "click>=8.1",
        "tabulate>=0.9",
        # Reads the conditions of campaign rules: a tree that can be checked, where patterns could be fooled.
        "sqlglot>=30",
        "filelock>=3.16",
        "requests>=2.32",
        "urllib3>=2.5",
        "fastapi>=0.165",
        "starlette>=1",
        "uvicorn>=0.50",
    ],
    extras_require={
        "match": ["splink>=5,<6"],
        "test": ["pytest>=9", "pytest-xdist>=3.8", "hypothesis>=6.140", "moto[server]>=5.2.5", "networkx>=3", "selenium>=4.30", "splink>=5,<6", "ruff>=0.14"],
    },
    classifiers=["Programming Language :: Python :: 3.11", "License :: OSI Approved :: Apache Software License", "Framework :: Dagster"],
)
