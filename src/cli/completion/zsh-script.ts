/** The completion script for zsh: a function of its own that asks for the same places, with descriptions of the options. */
import type { CompletableOption, Place } from './command-tree.js'

export function zshScript(places: readonly Place[]): string {
  const cases = places.map(
    ({ path, commands, options, next }) => `    '${path}')
      commands=(${commands.map(quoted).join(' ')})
      options=(${options.flatMap(described).join(' ')})
      valued=(${options.flatMap(({ flags, value }) => (value === undefined ? [] : flags)).join(' ')})
      next=${next} ;;`,
  )
  const options = places.flatMap((place) => place.options)
  const files = unique(options.flatMap(({ flags, value }) => (value === 'files' ? flags : [])))
  const choices = unique(
    options.flatMap(({ flags, value }) =>
      Array.isArray(value) ? [`      ${flags.join('|')}) compadd -- ${value.join(' ')}; return ;;`] : [],
    ),
  )
  return `#compdef cowring
# Completion of cowring for zsh. To use it: source <(cowring completion zsh), after compinit.

_cowring_devices() {
  local -a socket devices
  local at=\${words[(i)--socket]}
  (( at < \${#words} )) && socket=(--socket "\${words[at + 1]}")
  devices=(\${(f)"$("\${words[1]}" dmsetup $socket ls 2>/dev/null | sed -n $'s/\\t(.*//p')"})
  compadd -a devices
}

_cowring_place() {
  commands=() options=() valued=() next=nothing
  case "$1" in
${cases.join('\n')}
  esac
}

_cowring() {
  local -a commands options valued
  local next place='' word
  integer at
  _cowring_place ''
  for (( at = 2; at < CURRENT; at++ )); do
    word=\${words[at]}
    if (( \${valued[(Ie)$word]} )); then (( at++ )); continue; fi
    if (( \${commands[(Ie)$word]} )); then
      place="\${place:+$place }$word"
      _cowring_place "$place"
    fi
  done
  if (( \${valued[(Ie)\${words[CURRENT - 1]}]} )); then
    case "\${words[CURRENT - 1]}" in
      ${files.join('|')}) _files; return ;;
${choices.join('\n')}
      *) return ;;
    esac
  fi
  if [[ \${words[CURRENT]} == -* ]]; then _describe option options; return; fi
  case "$next" in
    devices) _cowring_devices ;;
    files) _files ;;
    *) compadd -a commands ;;
  esac
}

compdef _cowring cowring
`
}

const described = ({ flags, description }: CompletableOption): readonly string[] =>
  flags.map((flag) => quoted(`${flag}:${description.replaceAll(':', '\\:')}`))

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

const unique = (words: readonly string[]): readonly string[] => [...new Set(words)]
