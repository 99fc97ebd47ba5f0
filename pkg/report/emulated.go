package report

import (
	"strings"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/report/lexicon"
)

// Emulated says that the cloud of a run is the emulator: what its upgrades take
// says nothing of the real service.
type Emulated struct {
	TimeScale float64 `json:"timeScale"` // it is so many times as fast as the durations it is given; 1: as fast
}

// Words says whose times a page's are, in the words of the kind.
func (e *Emulated) Words(w *lexicon.Wording) string {
	if e.TimeScale == 1 {
		return "the cloud is the emulator; its " + w.Nouns + " take as long as its scenario says"
	}
	return "the cloud is the emulator: " + e.Short(w)
}

// OfARun says whose times the page of a run's are: this machine's, all of them.
func (e *Emulated) OfARun(w *lexicon.Wording) string {
	if e.TimeScale == 1 {
		return e.Words(w)
	}
	return e.Words(w) + "; ages, forecasts and ends are by this machine's clock"
}

// Short is how much time of the scenario a second here stands for.
func (e *Emulated) Short(w *lexicon.Wording) string {
	if e.TimeScale == 1 {
		return "emulated"
	}
	d := time.Duration(e.TimeScale * float64(time.Second)).String()
	if d = strings.TrimSuffix(d, "m0s"); !strings.HasSuffix(d, "s") {
		d += "m"
	}
	return "1s stands for " + d + " of " + w.A
}
