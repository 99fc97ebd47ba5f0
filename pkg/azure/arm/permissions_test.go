package arm

import "testing"

func TestPermissionAllows(t *testing.T) {
	t.Parallel()
	const write = "Microsoft.RecoveryServices/vaults/write"
	for _, c := range []struct {
		name            string
		actions, except []string
		want            bool
	}{
		{"all", []string{"*"}, nil, true},
		{"in other capitals", []string{"microsoft.recoveryservices/VAULTS/write"}, nil, true},
		{"a star at the end", []string{"Microsoft.RecoveryServices/*"}, nil, true},
		{"a star in the middle", []string{"Microsoft.RecoveryServices/*/write"}, nil, true},
		{"reads only", []string{"*/read"}, nil, false},
		{"another type", []string{"Microsoft.RecoveryServices/vaults/backupPolicies/write"}, nil, false},
		{"a part is no action", []string{"Microsoft.RecoveryServices/vaults"}, nil, false},
		{"two stars", []string{"*/vaults/*"}, nil, true},
		{"stars that would overlap", []string{"Microsoft.RecoveryServices/vaults/wri*rite"}, nil, false},
		{"taken out again", []string{"*"}, []string{"Microsoft.RecoveryServices/vaults/write"}, false},
		{"another taken out", []string{"*"}, []string{"Microsoft.Authorization/*/Write"}, true},
		{"nothing", nil, nil, false},
	} {
		p := permission{c.actions, c.except}
		if got := p.allows(write); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
