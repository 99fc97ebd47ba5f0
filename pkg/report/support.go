package report

import (
	"fmt"
	"strings"
)

// DefaultSupportAddress is where the service's team answers (reference §1).
const DefaultSupportAddress = "rsvaultupgrade@service.microsoft.com"

// SupportMessage is the message to send for a failed vault, ready to paste:
// what the service's team asks for (subscription ID, vault, OperationId) and
// what they would ask next. Times are UTC. An empty address is the default.
// Every line is clean.
func SupportMessage(v *Vault, address string) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(Clean(fmt.Sprintf(format, args...)) + "\n") }
	op := or(str(v.OperationID), "none was returned")
	line("To: %s", or(address, DefaultSupportAddress))
	line("Subject: Vault upgrade failed: %s, OperationId %s", v.Name, op)
	line("")
	line("The upgrade of this classic vault to a Recovery Services vault failed. It has not been")
	line("tried again. Please tell us the cause, and whether and when it may be tried again.")
	line("")
	field := func(name, value string) { line("%-20s%s", name+":", value) }
	field("Subscription ID", v.SubscriptionID)
	field("Vault name", v.Name)
	field("Location", v.Location)
	field("Resource type", string(v.ResourceType))
	field("Target group", v.TargetResourceGroup)
	field("OperationId", op)
	field("Started", utc(v.StartedAt.value()))
	field("Ended", utc(v.EndedAt.value()))
	errs := v.errors()
	for _, f := range errs {
		field("Error code", or(str(f.Code), "none"))
		field("Error message", or(str(f.Message), "none"))
		for _, item := range f.Items {
			field("  Detail", item)
		}
	}
	if len(errs) == 0 {
		field("Error code", "none")
		field("Error message", or(str(v.Reason), "none"))
	}
	field("Request IDs", or(strings.Join(v.RequestIDs, ", "), "none"))
	return b.String()
}
