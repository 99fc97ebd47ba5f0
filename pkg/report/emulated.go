package report

import (
	"strings"
	"time"
)

// Emulated says that the cloud of a run is the emulator: what its upgrades take
// says nothing of the real service.
type Emulated struct {
	TimeScale float64 `json:"timeScale"` // it is so many times as fast as the durations it is given; 1: as fast
}

// Words says whose times a page's are.
func (e *Emulated) Words() string {
	if e.TimeScale == 1 {
		return "the cloud is the emulator; its upgrades take their time"
	}
	return "the cloud is the emulator: " + e.Short()
}

// OfARun says whose times the page of a run's are: this machine's, all of them.
func (e *Emulated) OfARun() string {
	if e.TimeScale == 1 {
		return e.Words()
	}
	return e.Words() + "; ages, forecasts and ends are by this machine's clock"
}

// Short is how long what takes a second there takes by its scenario.
func (e *Emulated) Short() string {
	if e.TimeScale == 1 {
		return "emulated"
	}
	d := time.Duration(e.TimeScale * float64(time.Second)).String()
	if d = strings.TrimSuffix(d, "m0s"); !strings.HasSuffix(d, "s") {
		d += "m"
	}
	return d + " of an upgrade take 1s"
}
