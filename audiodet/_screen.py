"""What other packages would put on a user's screen: their warnings, and a name in the logs."""

import logging
import warnings

# (beginning of the message, category, modules that give it): nothing that a user could change.
FOREIGN_WARNINGS = (
    (r"`torch\.jit\.script` is", FutureWarning, r"torch\.jit\._script|fvcore|detectron2|LabGym"),
    (r"pkg_resources is deprecated", UserWarning, r"dcase_util|detectron2|LabGym"),
)
CARRIED = "LabGym.detectron2"


def silence_foreign_warnings() -> None:
    """Keep warnings about the code of torch's, detectron2's and sed_eval's authors from users."""
    for message, category, module in FOREIGN_WARNINGS:
        warnings.filterwarnings("ignore", message, category, module)
    logging.getLogger("torch.fx._symbolic_trace").addFilter(
        lambda record: not record.getMessage().startswith("is_fx_tracing")
    )


def log_as_detectron2() -> None:
    """Let log records of the carried copy name detectron2, whatever handler writes them."""
    make_record = logging.getLogRecordFactory()

    def make_named(*args, **kwargs) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        if record.name.startswith(CARRIED):
            record.name = record.name.replace(CARRIED, "detectron2", 1)
            record.msg = str(record.msg).replace(CARRIED, "detectron2")
        return record

    logging.setLogRecordFactory(make_named)
