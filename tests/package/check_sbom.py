"""Validates a bill of materials against the schema of CycloneDX: check_sbom.py FILE"""

import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

path = sys.argv[1]
with open(path, encoding="utf-8") as file:
    error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(file.read())
if error:
    print(f"{path}: {error}")
print("0 passed, 1 failed" if error else "1 passed, 0 failed")
sys.exit(bool(error))
