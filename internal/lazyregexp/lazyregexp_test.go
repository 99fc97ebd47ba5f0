package lazyregexp

import "testing"

func TestNew(t *testing.T) {
	t.Parallel()
	word := New(`^\w+$`)
	if !word().MatchString("word") || word().MatchString("two words") {
		t.Errorf("%s matches the wrong texts", word())
	}
	if first, second := word(), word(); first != second {
		t.Error("it is compiled again")
	}
	wrong := New(`(`)
	defer func() {
		if recover() == nil {
			t.Error("a wrong pattern is not noticed when it is used")
		}
	}()
	wrong()
}
