"""Checks for a model of your own: `check_model(Model)` holds it to the contract in `palate.models.contract`."""

from palate.testing.check import check_model as check_model
from palate.testing.checks import ContractError as ContractError
