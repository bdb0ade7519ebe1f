/** The completion script for bash. */
import type { Place } from './command-tree.js'

export function bashScript(places: readonly Place[]): string {
  const groups = new Set(places.filter(({ commands }) => commands.length > 0).map(({ path }) => path))
  const cases = places.map(
    ({ path, commands, options, next }) => `    '${path}')
      commands='${commands.join(' ')}'
      options='${options.flatMap(({ flags }) => flags).join(' ')}'
      valued='${options.flatMap(({ flags, value }) => (value === undefined ? [] : flags)).join(' ')}'
      next='${next}' ;;`,
  )
  const options = places.flatMap((place) => place.options)
  const files = unique(options.flatMap(({ flags, value }) => (value === 'files' ? flags : [])))
  const chosen = options.flatMap(({ flags, value }) => (Array.isArray(value) ? [{ flags, value }] : []))
  const choices = unique(
    chosen.map(
      ({ flags, value }) =>
        `    ${flags.join('|')}) COMPREPLY=($(compgen -W '${value.join(' ')}' -- "$cur")); return ;;`,
    ),
  )
  return `# Completion of cowring for bash. To use it: source <(cowring completion bash)

_cowring_devices() {
  local socket=() at
  for ((at = 1; at < \${#COMP_WORDS[@]} - 1; at++)); do
    [[ \${COMP_WORDS[at]} == --socket ]] && socket=(--socket "\${COMP_WORDS[at + 1]}")
  done
  "\${COMP_WORDS[0]}" dmsetup "\${socket[@]}" ls 2>/dev/null | sed -n $'s/\\t(.*//p'
}

_cowring_place() {
  commands='' options='' valued='' next='nothing'
  case "$1" in
${cases.join('\n')}
  esac
}

_cowring() {
  local cur=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  local commands options valued next path='' at word
  COMPREPLY=()
  _cowring_place ''
  for ((at = 1; at < COMP_CWORD; at++)); do
    word=\${COMP_WORDS[at]}
    if [[ " $valued " == *" $word "* ]]; then ((at++)); continue; fi
    if [[ " $commands " == *" $word "* ]]; then
      path=\${path:+$path }$word
      _cowring_place "$path"
    fi
  done
  if [[ " $valued " == *" $before "* ]]; then
    case "$before" in
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
${choices.join('\n')}
    *) return ;;
    esac
  fi
  if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$cur")); return; fi
  case "$next" in
    devices) COMPREPLY=($(compgen -W "$(_cowring_devices)" -- "$cur")) ;;
    files) COMPREPLY=($(compgen -f -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$commands" -- "$cur")) ;;
  esac
}

# Places with commands of their own: ${[...groups].map((path) => path || 'cowring').join(', ')}.
complete -o filenames -o bashdefault -F _cowring cowring
`
}

const unique = (words: readonly string[]): readonly string[] => [...new Set(words)]
