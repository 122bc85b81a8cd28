"""Checks what crates.io shows of each published crate. Reads the output of `cargo metadata`, and prints the names."""

import json
import sys

metadata = json.load(sys.stdin)
problems = []
for package in metadata["packages"]:
    if package["publish"] == []:
        continue
    name = package["name"]
    for field in ("description", "license", "repository", "readme", "keywords", "categories", "rust_version"):
        if not package[field]:
            problems.append(f"{name}: {field} is missing")
    # The limits of crates.io.
    if len(package["keywords"]) > 5 or any(len(word) > 20 for word in package["keywords"]):
        problems.append(f"{name}: more than 5 keywords, or one of more than 20 characters")
    if len(package["categories"]) > 5:
        problems.append(f"{name}: more than 5 categories")
    for dependency in package["dependencies"]:
        if dependency["kind"] != "dev" and dependency["req"] == "*":
            problems.append(f"{name}: {dependency['name']} has no version")
    print(name)
if problems:
    sys.exit("\n".join(problems))
