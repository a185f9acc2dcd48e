# Sourced by the build scripts.

# need TOOL PACKAGE: stops with the Debian package if TOOL is missing.
need() {
  command -v "$1" >/dev/null || {
    echo "espalier: '$1' is missing; install it with: sudo apt-get install $2" >&2
    exit 1
  }
}

# quietly LOG COMMAND...: shows what the command said only if it fails.
quietly() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 || {
    cat "$log" >&2
    echo "espalier: failed: $*" >&2
    exit 1
  }
}
