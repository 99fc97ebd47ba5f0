package rollout

import (
	"encoding/json"
	"reflect"
	"slices"
	"time"
)

// fields are what the fold keeps of a run and its vaults, each written as one word.
type fields map[string]string

// keep writes down what a script's machine keeps: of the run, of its waves, and of
// each vault. LastAt is left out: it is the newest fact's time, always.
func (s *script) keep() fields {
	all := fields{}
	put := func(of string, v any) {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			if value := reflect.ValueOf(v).FieldByIndex(f.Index); f.IsExported() && !f.Anonymous &&
				f.Name != "LastAt" && !value.IsZero() {
				all[of+"."+f.Name] = word(value.Interface())
			}
		}
	}
	put("run", s.m.Run)
	for i := range s.m.Waves {
		w := &s.m.Waves[i]
		put(w.Name, struct{ OpenedAt, DoneAt time.Time }{w.OpenedAt, w.DoneAt})
		put(w.Name+" before", w.Before)
		put(w.Name+" after", w.After)
	}
	for i := range s.m.Vaults {
		put(s.plan.Vaults[i].Name, s.m.Vaults[i])
	}
	if s.m.SameError.N > 0 {
		put("run.SameError", s.m.SameError)
	}
	return all
}

// word writes a value; times are how far they lie from the script's start.
func word(v any) string {
	switch v := v.(type) {
	case time.Time:
		return at(v)
	case string:
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// changes says what is kept otherwise than before, and remembers it.
func (s *script) changes() (lines []string) {
	was, is := s.kept, s.keep()
	s.kept = is
	var names []string
	for name := range is {
		names = append(names, name)
	}
	for name := range was {
		if _, there := is[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if before, now := was[name], is[name]; before != now {
			if now == "" {
				now = "none"
			}
			lines = append(lines, name+" = "+now)
		}
	}
	return lines
}
