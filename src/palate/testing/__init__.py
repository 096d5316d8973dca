"""Check that a model of your own keeps the contract of models: `check_model(Model)`."""

from palate.testing.check import check_model as check_model
from palate.testing.checks import ContractError as ContractError
