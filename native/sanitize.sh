#!/usr/bin/env bash
# The C++ tests under the address and undefined-behaviour sanitizers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-$here/../target/native-sanitized}
mkdir -p "$work"
cmake -S "$here" -B "$work" -DESPALIER_SANITIZE=ON -DESPALIER_JNI=OFF >"$work/log" || { cat "$work/log" >&2; exit 1; }
cmake --build "$work" --parallel "$(getconf _NPROCESSORS_ONLN)" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
ctest --test-dir "$work" --output-on-failure
