package emulator

import "net/http"

// permissions answers what the identity may do with a resource
// (Permissions_ListForResource of the published specification): everything, but
// for the writes, and the one read that few have, which a scripted `denied` refuses for good.
func (c *Cloud) permissions(r *resource) reply {
	not := []any{}
	for _, i := range r.faults {
		f := &c.faults[i]
		if f.Kind != kindDenied || f.Status == http.StatusUnauthorized || f.times >= 0 || f.until > 0 || f.Chance > 0 {
			continue
		}
		if callPatch.in(f.calls) {
			not = append(not, r.kind.name+"/write")
		}
		if callAssign.in(f.calls) {
			not = append(not, "Microsoft.Authorization/roleAssignments/write")
		}
		if callInstances.in(f.calls) {
			not = append(not, "Microsoft.Authorization/roleAssignmentScheduleInstances/read")
		}
	}
	return ok(object{"value": []any{object{"actions": []any{"*"}, "notActions": not, "dataActions": []any{}, "notDataActions": []any{}}}})
}
