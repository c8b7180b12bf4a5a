"""Reading recordings (:mod:`audiodet.audio.io`)."""

from audiodet.audio.io import AudioInfo, audio_info, read_audio, read_blocks

__all__ = ["AudioInfo", "audio_info", "read_audio", "read_blocks"]
