"""Upstream's module name, served by robotframework-jumpstarter."""

from pytest_jumpstarter.upstream_api.exporter.encoding import (
    COMPRESSION_SIGNATURES,
    SIGNATURE_BUFFER_SIZE,
    AutoDecompressIterator,
    CompressedStream,
    Compression,
    FileSignature,
    compress_stream,
    create_decompressor,
    detect_compression_from_signature,
)

__all__ = [
    "COMPRESSION_SIGNATURES",
    "SIGNATURE_BUFFER_SIZE",
    "AutoDecompressIterator",
    "CompressedStream",
    "Compression",
    "FileSignature",
    "compress_stream",
    "create_decompressor",
    "detect_compression_from_signature",
]
