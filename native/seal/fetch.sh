#!/usr/bin/env bash
# Builds Microsoft SEAL 4.0.0 from the checksummed crate source into PREFIX, once.
#   seal/fetch.sh PREFIX
set -euo pipefail
prefix=$1
here=$(cd "$(dirname "$0")" && pwd)
[ -f "$prefix/.complete" ] && exit 0
. "$here/../tools.sh"
need cargo cargo
need cmake cmake
need c++ g++
need make make
mkdir -p "$(dirname "$prefix")"
# Two builds at once: the second waits for the first one's result.
exec 9>"$prefix.lock"
flock 9
[ -f "$prefix/.complete" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "espalier: building Microsoft SEAL 4.0.0 once into $prefix (about a minute)" >&2
mkdir -p "$work/crate"
cp "$here/Cargo.toml" "$here/Cargo.lock" "$here/placeholder.rs" "$work/crate/"
cd "$work/crate"
for crate in bindgen:0.66.1 cmake:0.1.46 emsdk:0.1.0 link-cplusplus:1.0.9 serde:1.0.147 \
  static_assertions:1.1.0 thiserror:1.0.44; do
  mkdir -p "empty/${crate%:*}"
  printf '[package]\nname = "%s"\nversion = "%s"\nedition = "2021"\n[lib]\npath = "../../placeholder.rs"\n[features]\nderive = []\n' \
    "${crate%:*}" "${crate#*:}" >"empty/${crate%:*}/Cargo.toml"
done
# Debian 12's cargo would clone the whole index of crates, minutes and another host, unless told to ask for one entry.
version=$(cargo --version) && [[ $version =~ ^cargo\ 1\.([0-9]+)\. ]]
sparse=()
if [ "${BASH_REMATCH[1]}" -ge 60 ] && [ "${BASH_REMATCH[1]}" -lt 68 ]; then
  export RUSTC_BOOTSTRAP=1
  sparse=(-Z sparse-registry)
fi
quietly "$work/log" cargo "${sparse[@]}" vendor --locked --versioned-dirs "$work/vendor"
quietly "$work/log" cmake -S "$work/vendor/seal_fhe-0.8.1/SEAL" -B "$work/build" \
  -DSEAL_BUILD_DEPS=OFF -DSEAL_USE_MSGSL=OFF -DSEAL_USE_ZLIB=OFF -DSEAL_USE_ZSTD=OFF \
  -DSEAL_USE_INTEL_HEXL=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib
quietly "$work/log" cmake --build "$work/build" --parallel "$(getconf _NPROCESSORS_ONLN)"
quietly "$work/log" cmake --install "$work/build"
cp "$work/vendor/seal_fhe-0.8.1/SEAL/LICENSE" "$prefix/LICENSE.SEAL"
touch "$prefix/.complete"
