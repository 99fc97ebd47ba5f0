// What changes while the run goes on.

function follow() {}
