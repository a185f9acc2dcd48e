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
for part in . curve; do
  mkdir -p "$work/$part"
  quietly "$work/$part/log" cmake -S "$here/$part" -B "$work/$part" -DESPALIER_SANITIZE=ON -DESPALIER_JNI=OFF
  quietly "$work/$part/log" cmake --build "$work/$part" --parallel "$(getconf _NPROCESSORS_ONLN)"
  ctest --test-dir "$work/$part" --output-on-failure
done
