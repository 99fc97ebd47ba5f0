package emulator

import (
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A failed upgrade that support puts right is shown failed until somebody has
// read why, and upgraded afterwards, by a cloud that was made again too.
func TestRepaired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		truth := filepath.Join(t.TempDir(), "truth")
		c, err := New(Config{Vaults: fleet(), StateFile: truth,
			Scenario: Scenario{Duration: Duration{Constant: "20m"}, Faults: []Fault{
				on(Fault{Kind: kindFails, Message: "it broke"}), on(Fault{Kind: kindRepaired, For: "2h"})}}})
		if err != nil {
			t.Fatal(err)
		}
		cl, v, id := inMemory(t, c), fleet()[0], newID()
		says := func(want, message string) {
			t.Helper()
			if r := cl.record(v); r.Status != want || r.OperationId != id || r.Message != message {
				t.Errorf("record %+v, want %s", r, want)
			}
		}
		wantStatus(t, cl.upgrade(v, id), 200)
		time.Sleep(20 * time.Minute)
		says("Failed", "it broke")
		time.Sleep(5 * time.Hour)
		says("Failed", "it broke")
		if i := decodeXML[opInfo](t, cl.result(v)); i.OperationResult != "Failed" {
			t.Errorf("result %+v", i)
		}
		time.Sleep(time.Hour)
		says("Failed", "it broke")
		wantStatus(t, cl.target(v), 404)
		time.Sleep(time.Hour + time.Second)
		says("Upgraded", "")
		wantStatus(t, cl.target(v), 200, id, "Upgraded")
		if i := decodeXML[opInfo](t, cl.result(v)); i.OperationResult != "Succeeded" {
			t.Errorf("result %+v", i)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Reopen(truth, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		cl = inMemory(t, again)
		says("Upgraded", "")
	})
}
