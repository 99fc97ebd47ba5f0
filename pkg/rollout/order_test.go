package rollout

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// An order that comes over the socket is held against the same rules as one from
// the command line: what the command would not have said is not heard.
func TestOrdersThatNoCommandWouldGive(t *testing.T) {
	t.Parallel()
	st := NewState(testPlan(1, 1, 1, 1))
	hear := func(raw string) (read bool, err error) {
		o, err := ReadOrder([]byte(raw))
		if err != nil {
			return false, err
		}
		err = o.Check()
		_, decided := st.Decide(o, fleet.Actor{}, scriptStart)
		if err != nil && (decided == nil || decided.Error() != err.Error()) {
			t.Errorf("%.120s: the check says %v, and then %v is decided", raw, err, decided)
		}
		return true, err
	}
	many := strings.Repeat(`"dev/web",`, mostNamed+1)
	for _, raw := range []string{
		`null`, `{}`, `[]`, `"pause"`,
		`{"do":"pause","state":"x.db"}`,
		`{"DO":"pause","state":"x.db","Reason":"r"}`,
		`{"do":"pause","\u017ftate":"x.db","reason":"r"}`,
		`{"do":"note","do":"stop","state":"x.db","reason":"r"}`,
		`{"do":"stop","state":"x.db","reason":"r","close":false,"close":true}`,
		`{"do":"limit","state":"x.db","reason":"r","limits":{"upgrades":1,"upgrades":2}}`,
		`{"do":"pause","state":"x.db","reason":"\u200b\u00a0\u2060"}`,
		"{\"do\":\"pause\",\"state\":\"x.db\",\"reason\":\"\xff\"}",
		`{"do":"pause","state":"x.db","reason":""}`,
		`{"do":"pause","state":"x.db","reason":" \n "}`,
		`{"do":"note","state":"x.db"}`,
		fmt.Sprintf(`{"do":"pause","state":"x.db","reason":%q}`, strings.Repeat("x", 60_000)),
		`{"do":"pause","state":"x.db","reason":"a \u001b[31m b"}`,
		`{"do":"pause","state":"x.db","reason":"a \u0000 b"}`,
		`{"do":"pause","state":"x\u0007.db","reason":"r"}`,
		fmt.Sprintf(`{"do":"pause","state":%q,"reason":"r"}`, strings.Repeat("x", 5000)),
		`{"do":"pause","state":"x.db","reason":"r","by":"somebody"}`,
		`{"do":"pause","state":"x.db","reason":"r","close":true}`,
		`{"do":"pause","state":"x.db","reason":"r","wave":"canary"}`,
		`{"do":"pause","state":"x.db","reason":"r","vaults":["dev/web"]}`,
		`{"do":"pause","state":"x.db","reason":"r"}{"do":"stop"}`,
		`{"do":"resume","state":"x.db","reason":"r"}`,
		`{"do":"hold","state":"x.db","reason":"r"}`,
		`{"do":"hold","state":"x.db","reason":"r","vaults":["dev/web"],"selector":"env=dev"}`,
		`{"do":"hold","state":"x.db","reason":"r","vaults":["dev/web"],"off":true}`,
		`{"do":"release","state":"x.db","reason":"r","vaults":["dev/web"]}`,
		`{"do":"hold","state":"x.db","reason":"r","vaults":["dev/web\u001b"]}`,
		fmt.Sprintf(`{"do":"hold","state":"x.db","reason":"r","vaults":[%s"dev/web"]}`, many),
		`{"do":"limit","state":"x.db","reason":"r"}`,
		`{"do":"limit","state":"x.db","reason":"r","limits":{"vaults":3}}`,
		`{"do":"limit","state":"x.db","reason":"r","limits":{"upgrades":0}}`,
		`{"do":"limit","state":"x.db","reason":"r","limits":{"upgrades":-7}}`,
		`{"do":"approve","state":"x.db","reason":"r","wave":"a\nb"}`,
	} {
		read, err := hear(raw)
		refusal, ok := errors.AsType[*fleet.Refusal](err)
		if err == nil || read && (!ok || refusal.Code != fleet.ExitUsage || len(refusal.Next) == 0) {
			t.Errorf("%.120s: %v", raw, err)
		}
	}
	for _, raw := range []string{
		`{"do":"pause","state":"x.db","reason":"r"}`, `{"do":"pause","state":"x.db","reason":"r","off":true}`,
		`{"do":"stop","state":"x.db","reason":"r","close":true}`,
		`{"do":"hold","state":"x.db","reason":"two\nlines","vaults":["dev/web"]}`,
		`{"do":"release","state":"x.db","reason":"r","off":true,"selector":"env=dev"}`,
		`{"do":"limit","state":"x.db","reason":"r","limits":{"upgrades":-1,"perSubscription":2}}`,
		`{"do":"approve","state":"x.db","reason":"r","wave":"canary"}`,
		`{"do":"note","state":"x.db","reason":"a text"}`,
	} {
		if _, err := hear(raw); err != nil {
			t.Errorf("%s is not heard: %v", raw, err)
		}
	}
}
