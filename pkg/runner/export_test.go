package runner

// Around is around, for nights that die where the real program would.
var Around = around
