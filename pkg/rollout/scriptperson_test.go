package rollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// person carries out a line that is a person's word to the run.
func (s *script) person(what string, args []string) ([]string, error) {
	by, has := fleet.Actor{User: "sam"}, func(word string) bool { return slices.Contains(args, word) }
	switch what {
	case "pause":
		return s.step(Commanded{fleet.Paused{Off: has("off"), By: by, Reason: "a customer calls"}})
	case "stop":
		return s.step(Commanded{fleet.Stopped{Close: has("close"), By: by, Reason: "enough"}})
	case "note":
		return s.step(Commanded{fleet.Noted{By: by, Text: strings.Join(args, " ")}})
	case "limit":
		n, err := strconv.Atoi(strings.TrimPrefix(args[0], "upgrades="))
		f := fleet.LimitsChanged{Upgrades: n, By: by, Reason: "slow down"}
		if err == nil {
			err = s.m.CheckLimits(f)
		}
		if err != nil {
			return []string{"refused: " + err.Error()}, nil
		}
		return s.step(Commanded{f})
	case "hold", "release":
		i, err := s.vault(args[0])
		if err != nil {
			return nil, err
		}
		off := what == "release"
		if err := s.m.CheckHold(i, off); err != nil {
			return []string{"refused: " + err.Error()}, nil
		}
		return s.step(Commanded{fleet.Held{Vault: s.m.key(i), Off: off, By: by, Reason: "a restore is needed"}})
	}
	return nil, fmt.Errorf("nobody can say %q", what)
}
