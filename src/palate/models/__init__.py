"""The models: their contract, their names, and a file or a folder for each model."""

from palate.models.registry import MODELS as MODELS
from palate.models.registry import SINGLE as SINGLE
from palate.models.registry import check_class as check_class
from palate.models.registry import check_ratings as check_ratings
from palate.models.registry import current_name as current_name
from palate.models.registry import find as find
from palate.models.registry import name_of as name_of
