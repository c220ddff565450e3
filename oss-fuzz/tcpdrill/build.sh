#!/bin/bash -eu
# Builds the fuzz targets where OSS-Fuzz and ClusterFuzzLite look for them: $OUT/NAME, with NAME.dict,
# NAME.options and NAME_seed_corpus.zip. The canary is no part of it: it has to fail.
# `.clusterfuzzlite/build.sh` and `oss-fuzz/tcpdrill/build.sh` are the same file; a test says so.

targets=(
  header_parse
  header_roundtrip
  options
  checksum
  script
  state_machine
  two_hosts
  differential
)

# Told that it is fuzzed, smoltcp would not look at checksums.
cd "$SRC/tcpdrill/fuzz"
for target in "${targets[@]}"; do
  cargo fuzz build -O --debug-assertions --no-cfg-fuzzing --features libfuzzer "$target"
  cp "../target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
  for file in "dictionaries/$target".*; do
    if [ -f "$file" ]; then cp "$file" "$OUT/"; fi
  done
  if [ -d "seeds/$target" ]; then
    zip -q -j "$OUT/${target}_seed_corpus.zip" "seeds/$target"/*
  fi
done
