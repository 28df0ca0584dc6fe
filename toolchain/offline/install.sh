#!/bin/sh
# Installs an archive of `ascend-pd bundle` on a machine without a network. Needs sh, tar, gzip and coreutils:
#   tar -xOzf BUNDLE install.sh | sh -s BUNDLE [FOLDER]
# Nothing else of the archive is run or moved into place before every file in it has the checksum that it was packed with.
set -eu

fail() {
  echo "error: $1" >&2
  echo "fix: $2" >&2
  exit 1
}

bundle=${1:?usage: sh install.sh BUNDLE [FOLDER]}
folder=${2:-ascend-pd}
cache=${ASCEND_PD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ascend-pd}
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac
[ -r "$bundle" ] || fail "$bundle cannot be read" "give the path of the archive"
[ ! -e "$folder" ] || fail "$folder is there already" "give another folder, or move that one away"
mkdir -p "$(dirname "$folder")"
folder=$(cd "$(dirname "$folder")" && pwd -P)/$(basename "$folder")

# Beside the folder, so that it goes there in one step.
umask 022
work=$(mktemp -d "$folder.partial-XXXXXX") || fail "nothing can be written beside $folder" "give another folder"
trap 'rm -rf "$work" "$work.log"' EXIT
trap 'exit 130' HUP INT TERM

echo "unpacking $bundle" >&2
damaged="$bundle is cut short or damaged"
again="copy it again, and compare its sha256 with the one that \`ascend-pd bundle\` printed"
tar -xzf "$bundle" -C "$work" --no-same-owner 2> "$work.log" || {
  said=$(tail -n 1 "$work.log")
  case $said in *"No space left"*) fail "there is no room beside $folder: $said" "make room, or give another folder" ;; esac
  fail "$damaged: $said" "$again"
}
cd "$work"
[ -f SHA256SUMS ] && [ -f platform ] || fail "$damaged, or is none that \`ascend-pd bundle\` has made" "$again"
echo "checking $(wc -l < SHA256SUMS) files" >&2
bad=$(LC_ALL=C sha256sum --check --strict --quiet SHA256SUMS 2>&1) ||
  fail "$damaged: $(echo "$bad" | head -n 1)" "$again"
[ "$(find . ! -type d ! -type l | wc -l)" -eq $(($(sort -u SHA256SUMS | wc -l) + 1)) ] ||
  fail "$damaged: it has files without a checksum" "$again"
here="$(uname -s) $(uname -m)"
[ "$(cat platform)" = "$here" ] ||
  fail "$bundle is for $(cat platform), and this is $here" "make one on a machine of this kind"

if [ ! -d "$cache" ]; then
  mkdir -p -m 700 "$cache"
  printf 'Signature: 8a477f597d28d172789f06886806bc55\n# made by ascend-pd\n' > "$cache/CACHEDIR.TAG"
fi
# Where the plugins of this program are looked for, which is told from others by its folder.
key=$(printf %s "$folder$(cat program)" | sha256sum | cut -c 1-8)
# Each part whole or not at all; one that is there is the same, since its name has its version.
place() {
  [ ! -e "$2" ] || return 0
  # The cache may be on another file system.
  fresh=$2.partial-$$
  said=$(mkdir -p "$(dirname "$2")" 2>&1 && mv "$1" "$fresh" 2>&1 && mv -T "$fresh" "$2" 2>&1) || {
    rm -rf "$fresh"
    [ -e "$2" ] || fail "$2 cannot be written: $said" "make room, or set ASCEND_PD_CACHE to another folder, and run this again"
  }
}
for part in cache/*/* plugins/*; do
  [ -e "$part" ] || continue
  case $part in
    plugins/*) place "$part" "$cache/pulumi-home/$key/$part" ;;
    *) place "$part" "$cache/${part#cache/}" ;;
  esac
done
mv -T project "$folder" || fail "$folder cannot be written" "give another folder"
echo "$folder"
