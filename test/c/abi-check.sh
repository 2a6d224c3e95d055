#!/usr/bin/env bash
# Proves what a program linked against the library relies on: the exported
# names, the SONAME, that it stays loaded, the oldest glibc, that it is the same
# whatever folder it is built in, the header's languages. Usage: abi-check.sh LIBRARY SONAME
set -euo pipefail
library=$1 soname=$2
header=include/atlas.h
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ok() { printf 'ok   %s\n' "$1"; }
die() { printf 'FAIL %s\n' "$1"; exit 1; }

# A prototype may go over several lines; its name stands before the first '('.
grep -v '^#' "$header" | tr '\n' ' ' | grep -o 'ATLAS_API [^;(]*(' | sed 's/.*[ *]\(atlas_[a-z_]*\)(/\1/' | sort > "$work/declared"
[ "$(wc -l < "$work/declared")" -ge 11 ] || die "the header declares too few functions: $(tr '\n' ' ' < "$work/declared")"

nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | sort > "$work/exported"
diff "$work/declared" "$work/exported" || die 'exported symbols differ from the header (<: declared, >: exported)'
ok "exports exactly the $(wc -l < "$work/declared") functions of the header"

grep -o 'atlas_[a-z_]*;' capi/exports.map | tr -d ';' | sort | diff "$work/declared" - || die 'capi/exports.map differs from the header'
ok 'capi/exports.map lists the same functions'

readelf -dW "$library" > "$work/dynamic"
grep -q "SONAME.*\[$soname\]" "$work/dynamic" || die "SONAME is not $soname"
ok "SONAME is $soname"
grep -q 'NODELETE' "$work/dynamic" || die 'the library is not marked NODELETE'
ok 'the library stays loaded (NODELETE)'
needed=$(sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' "$work/dynamic" | sort | tr '\n' ' ')
[ -z "$(tr ' ' '\n' <<< "$needed" | grep -vE '^(libc\.so\.6|libpthread\.so\.0|libresolv\.so\.2|ld-linux.*|)$')" ] || die "needs more than glibc: $needed"
ok "needs only glibc: $needed"
grep -q 'GNU_STACK.* RW ' <<< "$(readelf -lW "$library")" || die 'the stack is executable'
ok 'the stack is not executable'

floor=$(objdump -T "$library" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -1)
[ "$(printf '%s\n2.34\n' "$floor" | sort -V | tail -1)" = 2.34 ] || die "needs glibc $floor, newer than 2.34"
ok "glibc floor: $floor"

size=$(stat -Lc %s "$library")
[ "$size" -le $((25 * 1024 * 1024)) ] || die "the library has $size bytes, more than 25 MiB"
ok "size: $size bytes"

ln -s "$PWD" "$work/elsewhere"
make --no-print-directory lib-only CURDIR="$work/elsewhere" BUILD="$work/build" > "$work/log" 2>&1 || { cat "$work/log"; die 'it does not build again'; }
cmp "$library" "$work/build/$soname" || die 'built from another folder it has other bytes'
[ -z "$(readelf -nW "$library" | grep 'Build ID' || true)" ] && die 'the library has no build id'
! grep -qaF "$PWD" "$library" || die "the library holds the path $PWD"
ok 'built from another folder it is the same, byte for byte'

printf '#include "atlas.h"\nint main(void) { return atlas_abi_version() - ATLAS_ABI_VERSION; }\n' > "$work/use.c"
for standard in c89 c99 c11; do
  ${CC:-cc} -std=$standard -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only "$work/use.c" || die "the header is not $standard"
done
cp "$work/use.c" "$work/use.cc"
for standard in c++98 c++11 c++20; do
  # C++98 has no 64-bit integer of its own; stdint.h of glibc brings it as an extension.
  ${CXX:-c++} -std=$standard -pedantic -Wno-long-long -Wall -Wextra -Werror -Iinclude -fsyntax-only "$work/use.cc" || die "the header is not $standard"
done
ok 'the header compiles as C89, C99, C11, C++98, C++11 and C++20, pedantic'

echo 'abi-check: ok'
