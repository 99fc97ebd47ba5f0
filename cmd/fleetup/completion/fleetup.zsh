#compdef fleetup
# Completion of fleetup for zsh: source <(fleetup completion zsh)

_fleetup() {
    local -a lines candidates
    local line word files=
    lines=("${(@f)$(${~words[1]} __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in "${lines[@]}"; do
        word=${line%%$'\t'*}
        if [[ $word == :files ]]; then
            files=yes
        elif [[ -n $word ]]; then
            candidates+=("${word//:/\\:}:${line#*$'\t'}")
        fi
    done
    if (( ${#candidates} )); then
        _describe -V fleetup candidates
    fi
    if [[ -n $files ]]; then
        _files
    fi
}
compdef _fleetup fleetup
