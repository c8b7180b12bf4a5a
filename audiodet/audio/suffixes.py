"""Which files are recordings, by the ends of their names: the one list of the package."""

import os

import soundfile as sf

_LIBSNDFILE = {f".{name.lower()}" for name in sf.available_formats()}
_OTHER_NAMES = set(  # of the same formats
    ".8svx .aif .aifc .amb .bw64 .bwf .mp1 .mp2 .mpa .mpga .oga .opus .sf .snd .sph .wave".split()
)

# In lower case. Without ".raw": headerless samples say neither their rate nor their type.
AUDIO_SUFFIXES = tuple(sorted((_LIBSNDFILE | _OTHER_NAMES) - {".raw"}))

# Sound, alone or with a film, that is not decoded here.
UNREADABLE_SUFFIXES = tuple(
    ".3g2 .3ga .3gp .aa .aac .aax .ac3 .adts .alac .amr .ape .avi .awb .dff .ds2 .dsf .dss .dts "
    ".eac3 .flv .g722 .gsm .m2ts .m4a .m4b .m4p .m4r .m4v .mka .mkv .mov .mp4 .mpc .mpeg .mpg .mts "
    ".mxf .ofr .ogv .ogx .pcm .qcp .ra .ram .raw .rm .shn .sln .spx .tak .tta .vox .wac .webm .wma "
    ".wmv .wv".split()
)

# What lies beside recordings and is no sound.
OTHER_SUFFIXES = tuple(
    ".7z .aup .aup3 .bat .bib .bmp .bz2 .c .cfg .cha .conf .css .csv .cue .db .doc .docx .eaf "
    ".feather .geojson .gif .gpx .gz .h5 .hdf5 .heic .htm .html .ini .ipynb .jams .jpeg .jpg "
    ".js .json .jsonl .kml .lab .log .lst .m .m3u .m3u8 .mat .md .md5 .mid .midi .nfo .npy "
    ".npz .ods .odt .parquet .pdf .pickle .pkl .pls .png .pptx .pt .pth .py .r .rar .rpp .rtf "
    ".rttm .sfv .sh .sha1 .sha256 .sql .sqlite .srt .svg .tar .tex .textgrid .tgz .tif .tiff "
    ".toml .trs .tsv .txt .vtt .webp .xls .xlsx .xml .xz .yaml .yml .zip".split()
)

# What systems and recorders leave behind: files, ends of names (peaks and overviews), folders.
_DEBRIS = (
    ".ds_store .localized .nomedia desktop.ini ehthumbs.db icon\r thumbs.db wpsettings.dat "
    "indexervolumeguid"
).split(" ")
_DEBRIS_SUFFIXES = (".asd", ".gpk", ".hprj", ".ovw", ".pkf", ".reapeaks", ".sfk", ".sfl", ".zdt")
_DEBRIS_FOLDERS = (
    "__macosx",
    "$recycle.bin",
    "system volume information",
    ".fseventsd",
    ".spotlight-v100",
    ".temporaryitems",
    ".trashes",
)


def is_debris(name: str) -> bool:
    """Whether a file or folder is what macOS ("._*" too), Windows or a recorder leaves behind."""
    low = name.lower()
    if low.startswith(("._", ".~lock", "~$")):
        return True
    return low in _DEBRIS or low in _DEBRIS_FOLDERS or low.endswith(_DEBRIS_SUFFIXES)


def is_recording(name: str) -> bool:
    """Whether a file's name is that of a recording; macOS's companions "._*" are none."""
    return name.lower().endswith(AUDIO_SUFFIXES) and not is_debris(name)


def suffix_of(name: str) -> str:
    """End of a name in lower case, ``no suffix`` where there is none."""
    return os.path.splitext(name)[1].lower() or "no suffix"
