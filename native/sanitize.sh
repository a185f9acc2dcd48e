#!/usr/bin/env bash
# The C++ tests under the address and undefined-behaviour sanitizers.   sanitize.sh [WORK]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/tools.sh"
need cmake cmake
need ctest cmake
need c++ g++
need make make
work=${1:-$here/../target/native-sanitized}
mkdir -p "$work"
quietly "$work/log" cmake -S "$here" -B "$work" -DESPALIER_SANITIZE=ON -DESPALIER_JNI=OFF
quietly "$work/log" cmake --build "$work" --parallel "$(getconf _NPROCESSORS_ONLN)"
ctest --test-dir "$work" --output-on-failure
