package runner

import (
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(400) // a thousand nights leave much behind and keep little
	goleak.VerifyTestMain(m)
}
