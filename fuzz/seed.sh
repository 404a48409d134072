#!/bin/sh
# Fills the corpora with the protocol's fixtures. Run it once before fuzzing.
set -eu
cd "$(dirname "$0")"
fixtures=../protocol/fixtures
for target in decode_json differential; do
    mkdir -p "corpus/$target"
    for file in "$fixtures"/*/*.json; do
        name=$(basename "$(dirname "$file")")-$(basename "$file")
        printf '%s' "$(cat "$file")" > "corpus/$target/$name"
    done
done
mkdir -p corpus/decode_msgpack
for file in "$fixtures"/*/*.msgpack.hex; do
    name=$(basename "$(dirname "$file")")-$(basename "$file" .hex)
    python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(open(sys.argv[1]).read()))' "$file" \
        > "corpus/decode_msgpack/$name"
done
