package host

// Bounded returns a module as the host hands it to its compiler, or what is wrong with
// it: without what is for debuggers, with a maximum for every table, and with few
// segments of data. The built-in plugins are brought into this form when they are built,
// so that no process has to.
func Bounded(module []byte) (bounded []byte, problem string) { return boundModule(module) }
