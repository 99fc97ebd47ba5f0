package failpoint

import (
	"fmt"
	"strconv"
	"strings"
)

// Variable is the environment variable that a build with the tag reads.
const Variable = "FLEETUP_FAILPOINT"

// spec says where and how a process dies.
type spec struct {
	point Point
	hit   int64 // which time it comes there: 1 is the first
	stop  bool  // it is stopped, not killed
}

// parse reads POINT[@N][=kill|stop]. An empty text is no failpoint.
func parse(text string) (s spec, err error) {
	if text == "" {
		return spec{}, nil
	}
	wrong := func(format string, args ...any) (spec, error) {
		return spec{}, fmt.Errorf("%s=%s: %s; it is POINT[@N][=kill|stop]", Variable, text,
			fmt.Sprintf(format, args...))
	}
	where, action, ok := strings.Cut(text, "=")
	switch {
	case ok && action == "stop":
		s.stop = true
	case ok && action != "kill":
		return wrong("nobody knows how to %q", action)
	}
	name, nth, ok := strings.Cut(where, "@")
	s.point, s.hit = Point(name), 1
	if ok {
		if s.hit, err = strconv.ParseInt(nth, 10, 64); err != nil || s.hit < 1 {
			return wrong("%q is not a count", nth)
		}
	}
	if !known(s.point) {
		return wrong("there is no point %q", name)
	}
	return s, nil
}
