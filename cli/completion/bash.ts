import type { Operand } from "../command.ts";
import type { Words } from "./words.ts";

/*
 * No Node is started for a word: all but the names of stacks, which are those of files, is in the script.
 */

/** A script for bash; zsh runs it as well, by its `bashcompinit`. */
export function bashScript(all: readonly Words[]): string {
  return `# Completion of ascend-pd for bash. Made by \`ascend-pd completion bash\`.
_ascend_pd_stacks() {
  local file
  for file in stacks/Pulumi.*.yaml; do
    file=\${file#stacks/Pulumi.}
    case $file in '*.yaml') ;; *) printf '%s\\n' "\${file%.yaml}" ;; esac
  done
}

# What may follow the words of $1.
_ascend_pd_command() {
  case $1 in
${all.map(entry).join("\n")}
  *) return 1 ;;
  esac
}

_ascend_pd() {
  local current=\${COMP_WORDS[COMP_CWORD]} path= place=0 before= word i kind flags valued operands
  _ascend_pd_command ''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
    =) continue ;;
    -*) before=$word; continue ;;
    esac
    case " $valued " in *" \${before:-none} "*) before=; continue ;; esac
    before=
    if ((place == 0)) && _ascend_pd_command "\${path:+$path }$word"; then
      path="\${path:+$path }$word"
    else
      ((place += 1))
    fi
  done
  # \`--flag=value\` comes in three words.
  [ "$current" != = ] || current=
  COMPREPLY=()
  case " $valued " in
  *" \${before:-none} "*)
    case $before in --stack) kind=stack ;; *) kind=file ;; esac ;;
  *)
    case $current in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")); return ;;
    esac
    # The kinds of what comes, of which the last is that of all further words.
    kind=$operands
    while ((place > 0)) && [[ $kind == *';'* ]]; do
      kind=\${kind#*;}
      ((place -= 1))
    done
    kind=\${kind%%;*}
    [ -n "$kind" ] || return ;;
  esac
  case $kind in
  stack) COMPREPLY=($(compgen -W "$(_ascend_pd_stacks)" -- "$current")) ;;
  file) COMPREPLY=($(compgen -f -- "$current")) ;;
  *) COMPREPLY=($(compgen -W "$kind" -- "$current")) ;;
  esac
}
complete -o filenames -F _ascend_pd ascend-pd
`;
}

function entry({ path, flags, valued, operands }: Words): string {
  const kinds = operands.map(kindOf).join(";");
  return `  '${path}') flags='${flags.join(" ")}' valued='${valued.join(" ")}' operands='${kinds}' ;;`;
}

/** A list of words that begins as none of the other kinds does. */
const kindOf = (operand: Operand): string => (typeof operand === "string" ? operand : operand.join(" "));

export function zshScript(all: readonly Words[]): string {
  return `#compdef ascend-pd
autoload -U +X compinit bashcompinit
(( $+functions[compdef] )) || compinit -D
bashcompinit
${bashScript(all)}`;
}
