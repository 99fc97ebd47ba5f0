//go:build !failpoint || !unix

package failpoint

// Enabled tells whether this build has failpoints.
const Enabled = false

// Hit does nothing in this build.
func Hit(Point) {}
