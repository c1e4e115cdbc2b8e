"""Print what the installed onnx package knows of operators, as JSON.

    python versions.py

By operator, named as in the engine (other domains than ai.onnx in front): its
versions in ascending order, each with the names of its attributes and the most
operands that a node may have. By domain: the newest operator set.
"""

import json

from onnx import defs, helper


def main():
    operators = {}
    for schema in defs.get_all_schemas_with_history():
        if schema.domain not in ("", "ai.onnx.ml"):
            continue
        name = schema.domain + "." + schema.name if schema.domain else schema.name
        operators.setdefault(name, []).append(
            {
                "since": schema.since_version,
                "operands": schema.max_input,
                "attributes": sorted(schema.attributes),
            }
        )
    for versions in operators.values():
        versions.sort(key=lambda v: v["since"])
    sets = {"": defs.onnx_opset_version()}
    # The table of releases has the newest set of each domain.
    sets["ai.onnx.ml"] = max(row[3] for row in helper.VERSION_TABLE)
    print(json.dumps({"operators": operators, "sets": sets}))


if __name__ == "__main__":
    main()
