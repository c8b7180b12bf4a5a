"""``audiodet export``: a model as one file that runs without torch.

Write a model's front end, network and candidates as one ONNX file, with labels, thresholds and
rate inside; --model FILE.onnx then runs it, with torch installed or not. Beside a checkpoint of
the same name it is found by itself.
"""

import argparse
import os
import sys

from audiodet.cli.options import add_option, new_command


def add_parser(commands) -> None:
    """Add ``audiodet export``."""
    parser = new_command(commands, run, "export", __doc__)
    parser.add_argument("model", metavar="MODEL", nargs="?", default="", help="as of detect")
    add_option(parser, "--config-file", default="", metavar="F")
    add_option(parser, "--weights", default="", metavar="F")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="model.onnx")
    parser.add_argument(
        "--torchscript", action="store_true", help="a TorchScript archive instead, for C++"
    )


def run(args: argparse.Namespace) -> int:
    """Run ``audiodet export``."""
    if bool(args.model) == bool(args.config_file):
        args.parser.error("expected a MODEL, or --config-file and --weights")
    if bool(args.config_file) != bool(args.weights):
        args.parser.error("--config-file and --weights belong together")
    if not args.torchscript and not args.output.endswith(".onnx"):
        args.parser.error(f"-o {args.output}: expected a name that ends in .onnx")
    from audiodet.errors import require_package

    require_package("torch", "audiodet export")
    from audiodet.export.write import export
    from audiodet.inference.loading import load_model
    from audiodet.weights import find_weights

    model = load_model(args.model, args.config_file, args.weights, "cpu")
    is_checkpoint = not args.model.endswith((".yaml", ".yml"))
    checkpoint = find_weights(args.model or args.weights) if is_checkpoint else ""
    export(model, args.output, args.torchscript, checkpoint)
    print(f"{args.output}: {os.path.getsize(args.output) / 1e6:.1f} MB", file=sys.stderr)
    return 0
