#!/usr/bin/env bash
# Builds a native library into OUT/META-INF/native/<os>-<arch>/.   build.sh OUT WORK JAVA_HOME [curve]
# That of this folder, or the one of the folder named, which needs no SEAL.
set -euo pipefail
out=$1 work=$2 java_home=$3 part=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
library=libespalier${part:+_$part}.so
. "$here/tools.sh"
need cmake cmake
need c++ g++
need make make
case "$(uname -m)" in x86_64 | amd64) arch=x86_64 ;; aarch64 | arm64) arch=aarch64 ;; *) arch=$(uname -m) ;; esac
target="$out/META-INF/native/$(uname -s | tr '[:upper:]' '[:lower:]')-$arch"
mkdir -p "$target" "$work"
# CMake refuses the cache of a folder that was moved or copied.
if [ -f "$work/CMakeCache.txt" ] && ! grep -qxF "CMAKE_CACHEFILE_DIR:INTERNAL=$(cd "$work" && pwd -P)" "$work/CMakeCache.txt"; then
  rm -rf "$work" && mkdir -p "$work"
fi
# CMake's own standard error stays visible: it announces the one long step, building SEAL.
cmake -S "$here/$part" -B "$work" -DCMAKE_BUILD_TYPE=Release -DJAVA_HOME="$java_home" >"$work/log" \
  || { cat "$work/log" >&2; exit 1; }
quietly "$work/log" cmake --build "$work" --parallel "$(getconf _NPROCESSORS_ONLN)"
cmp -s "$work/$library" "$target/$library" || cp "$work/$library" "$target/"
