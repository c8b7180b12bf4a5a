#!/usr/bin/env python
"""Look into a trained frame-level system; each subcommand draws a figure.

Examples:
    tools/analyze.py pitch-shift --model CRNN=configs/crnn/poly_mini.yaml:m.pth --out fig5.png
    tools/analyze.py filters --model CRNN=configs/crnn/poly_mini.yaml:model_final.pth --out fig7.png
    tools/analyze.py roll --model CRNN=configs/crnn/poly_mini.yaml:model_final.pth --out fig3.png
    tools/analyze.py masks --model GWRP=configs/tfseg/remix_mini.yaml:model_final.pth --out fig7.png
    tools/analyze.py frame-scores --model GWRP=configs/tfseg/remix_mini.yaml:m.pth --out fig8.png
    tools/analyze.py streams --model M=configs/self_mask/weak_mini.yaml:model_final.pth --out s.png
"""

import audiodet  # noqa: F401  makes detectron2 importable

from audiodet.visualization import save_figure
from command_line import parser_of, run_main
from papers.analysis.commands import COMMANDS


def parse_args():
    """The command line."""
    parser = parser_of(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--model",
            action="append",
            required=True,
            metavar="NAME=CONFIG:WEIGHTS",
            help="a trained model; pitch-shift, masks and frame-scores take several",
        )
        command.add_argument("--out", required=True, metavar="FILE", help="the figure")
        command.add_argument("--opts", nargs="*", default=[], help="KEY VALUE pairs of the config")
    shift = commands.choices["pitch-shift"]
    quarters = [-1, -0.5, 0, 0.5, 1]  # the paper's plus and minus two quartertones
    shift.add_argument("--semitones", type=float, nargs="+", default=quarters)
    shift.add_argument("--limit", type=int, default=50, help="test clips; 0 for all (50)")
    commands.choices["filters"].add_argument("--layer", type=int, default=1, help="from 0 (1)")
    commands.choices["filters"].add_argument("--maps", type=int, default=16, help="how many (16)")
    for name in ("roll", "masks", "frame-scores", "streams"):
        commands.choices[name].add_argument("--clip", type=int, default=0, help="its number (0)")
    return parser.parse_args()


def main(args) -> None:
    """Draw the figure and say where it is."""
    draw, _ = COMMANDS[args.command]
    save_figure(draw(args), args.out)
    print(args.out)


if __name__ == "__main__":
    run_main(main, parse_args)
