package fleet

// Role is the least that the Resource Manager must allow for an upgrade kind:
// what a custom role is made of.
type Role struct {
	Name        string
	Description string
	Actions     []Action // in the order of their names
	// Besides is what no custom role can grant, in whole sentences.
	Besides string
}

// Action is a Resource Manager action, with what needs it.
type Action struct {
	Name string
	Why  string
	// Apart says that no run needs it, but another command: its absence is no
	// reason not to begin.
	Apart bool
}
