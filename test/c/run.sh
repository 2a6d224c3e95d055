#!/usr/bin/env bash
# Builds and runs everything written in C against build/libexatlas.so, with
# sanitizers where it is not measured or installed: the suite and its controls,
# the conformance files, the example, the call bench, and an installed copy.
# Every program prints its own closing line; the last line here counts the
# programs.
set -uo pipefail
cd "$(dirname "$0")/../.."
CC=${CC:-cc}
build=$PWD/build
out=$build/test
export ATLAS_LIBRARY=${ATLAS_LIBRARY:-$build/libexatlas.so} ATLAS_CLI=${ATLAS_CLI:-$build/exatlas}
library=$(dirname "$ATLAS_LIBRARY")
unset RUNPOD_API_KEY
flags=(-std=gnu11 -O1 -g -Wall -Wextra -Werror -Iinclude -Itest/c)
# Of the caller: a wrong length, a missing NUL, memory that is lost or freed twice.
sanitize=(-fsanitize=address,undefined -fno-sanitize-recover=all)
link=(-L"$library" -lexatlas "-Wl,-rpath,$library" -lpthread)
mkdir -p "$out"
passed=0 failed=0

step() { # name, command...
  local name=$1; shift
  printf -- '-- %s\n' "$name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); printf -- '-- %s: FAILED\n' "$name"; fi
}

compile() { $CC "${flags[@]}" "$@"; }

suite() {
  (cd test/c && $CC -std=gnu11 -O1 -g -Wall -Wextra -Werror -I../../include "${sanitize[@]}" \
    suite.c misuse.c queue.c threads.c process.c forking.c signals.c harness.c json.c -o "$out/suite" "${link[@]}") &&
    timeout 600 "$out/suite"
}

# The sanitizer and the library's count must both see what is lost on purpose.
leaks_are_found() {
  compile "${sanitize[@]}" test/c/loses.c -o "$out/loses" "${link[@]}" || return 1
  local output
  output=$(timeout 60 "$out/loses" 2>&1) && { printf 'the sanitizer found nothing\n%s\n' "$output"; return 1; }
  grep -q 'the library counts 25' <<< "$output" && grep -q 'leaked in 25 allocation' <<< "$output" && echo '25 of 25 lost answers found' && return
  printf '%s\n' "$output"
  return 1
}

crowded() {
  compile test/c/crowded.c -o "$out/crowded" "${link[@]}" || return 1
  local output
  output=$(ulimit -v 2097152; timeout 60 "$out/crowded" 2>&1)
  printf '%s\n' "$output" | head -3
  [ "$output" = 'ATLAS_FAILED ATLAS_FAILED ATLAS_OK' ]
}

late() { compile "${sanitize[@]}" test/c/late.c test/c/harness.c test/c/json.c -o "$out/late" -ldl -lpthread && timeout 120 "$out/late"; }

conformance() {
  compile "${sanitize[@]}" test/c/conformance.c test/c/sim.c test/c/harness.c test/c/json.c -o "$out/conformance" "${link[@]}" || return 1
  timeout 600 "$out/conformance" test/conformance/*.json
}

example() {
  $CC -std=c99 -pedantic -Wall -Wextra -Werror -Iinclude "${sanitize[@]}" examples/c/rent.c -o "$out/rent" "${link[@]}" && rents "$out/rent"
}

# Runs a program of the story against a simulator and looks at what it says.
rents() {
  local url output
  coproc sim { exec "$ATLAS_CLI" sim runpod; }
  read -r -t 30 url <&"${sim[0]}" || { echo 'the simulator did not start'; return 1; }
  url=$(sed 's/.*"runpod":"\([^"]*\)".*/\1/' <<< "$url")
  output=$(RUNPOD_API_KEY=any timeout 60 "$1" "$url")
  local status=$?
  local input=${sim[1]} pid=$sim_PID
  exec {input}>&-
  wait "$pid"
  printf '%s\n' "$output"
  [ $status -eq 0 ] && grep -q 'the browser calls http' <<< "$output" && grep -q 'Authorization: Bearer' <<< "$output" && [ "$(tail -1 <<< "$output")" = 'given back' ]
}

callbench() {
  compile bench/c/callbench.c -o "$out/callbench" "${link[@]}" && timeout 120 "$out/callbench" -n 20000 -t 4
}

# A copy installed under another root, found by pkg-config alone.
installed() {
  local root=$out/root
  rm -rf "$root"
  make --no-print-directory install PREFIX=/opt/exatlas DESTDIR="$root" > "$out/install.log" || { cat "$out/install.log"; return 1; }
  command -v pkg-config > /dev/null || { echo 'install pkg-config (Debian: pkg-config)'; return 1; }
  local flags_found
  flags_found=$(PKG_CONFIG_PATH=$root/opt/exatlas/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs exatlas) || return 1
  # shellcheck disable=SC2086 -- the flags are words
  $CC -std=c99 -Wall -Werror examples/c/rent.c $flags_found -Wl,-rpath,"$root/opt/exatlas/lib" -o "$out/rent-installed" || return 1
  # Not through a pipe: grep -q leaves early, and ldd would end with SIGPIPE.
  grep -q "$root/opt/exatlas/lib/libexatlas.so.1" <<< "$(ldd "$out/rent-installed")" || { echo 'the program does not load the installed library'; return 1; }
  [ "$(PKG_CONFIG_PATH=$root/opt/exatlas/lib/pkgconfig pkg-config --modversion exatlas)" = "$(sed -n 's/^#define EXATLAS_VERSION "\(.*\)"/\1/p' capi/shim.h)" ] || { echo 'pkg-config tells another version'; return 1; }
  [ "$(PKG_CONFIG_PATH=$root/opt/exatlas/lib/pkgconfig pkg-config --define-variable=prefix=/moved --cflags-only-I --libs-only-L exatlas | xargs)" = '-I/moved/include -L/moved/lib' ] || { echo 'the pkg-config file does not follow its prefix'; return 1; }
  [ "$("$root/opt/exatlas/bin/exatlas" version)" = "$("$ATLAS_CLI" version)" ] || { echo 'the command line is not installed'; return 1; }
  [ -s "$root/opt/exatlas/share/doc/exatlas/abi.md" ] && [ -s "$root/opt/exatlas/share/doc/exatlas/schema/methods.json" ] || { echo 'the documents are not installed'; return 1; }
  rents "$out/rent-installed"
}

step 'suite (with the sanitizers of addresses, leaks and undefined behaviour)' suite
step 'leaks are found' leaks_are_found
step 'without descriptors' crowded
step 'loaded late, with dlopen' late
step 'conformance files' conformance
step 'examples/c/rent.c' example
step 'bench/c/callbench.c' callbench
step 'installed copy' installed
printf 'C: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
