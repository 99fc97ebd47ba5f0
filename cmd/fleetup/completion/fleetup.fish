# Completion of fleetup for fish: fleetup completion fish | source

function __fleetup_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for line in ($before[1] __complete -- $before[2..] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete --command fleetup --no-files --arguments '(__fleetup_complete)'
