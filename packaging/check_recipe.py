"""Renders the conda recipe as rattler-build does. With --build, builds and tests it too.

The compilers that the recipe asks for are in conda-forge. The build takes those of this machine.
"""

import json
import sys
import tempfile
from pathlib import Path

from rattler_build import EnvironmentIsolation, Stage0Recipe, ToolConfiguration, VariantConfig

PATH = Path(__file__).with_name("recipe.yaml")
# As conda-forge sets it.
VARIANTS = VariantConfig({"c_stdlib": ["sysroot"]})

recipe = Stage0Recipe.from_file(PATH)
[rendered] = recipe.render(VARIANTS)
print("rendered:", rendered.recipe.package.name, rendered.recipe.package.version)

if sys.argv[1:] != ["--build"]:
    sys.exit()
with tempfile.TemporaryDirectory() as work:
    lines = recipe.to_dict()
    del lines["requirements"]
    lines["source"] = {"path": str(PATH.parents[1])}
    alone = Path(work, "recipe.yaml")
    alone.write_text(json.dumps(lines))
    [built] = Stage0Recipe.from_file(alone).run_build(
        # Its default skips the tests.
        tool_config=ToolConfiguration(test_strategy="native"),
        output_dir=Path(work, "output"),
        channels=[],
        env_isolation=EnvironmentIsolation.NONE,
    )
    print("built and tested:", Path(built.packages[0]).name)
