package host

// Inspect calls look with the linear memory of every sandbox that no call holds,
// one after another and while nobody is inside it. It is for tests, which search
// the memory for what no guest may hold; look must not keep it.
func (h *Host) Inspect(look func(provider string, memory []byte)) {
	h.mu.Lock()
	list := make([]*plugin, 0, len(h.plugins))
	for _, p := range h.plugins {
		list = append(list, p)
	}
	h.mu.Unlock()
	for _, p := range list {
		if m := p.present(); m != nil && m.retain() {
			m.inspectMemory(look)
			m.release()
		}
	}
}

func (m *module) inspectMemory(look func(provider string, memory []byte)) {
	show := func(i *instance) {
		if i.dead.Load() || i.memory == nil {
			return
		}
		if memory, ok := i.memory.Read(0, i.memory.Size()); ok {
			look(m.name, memory)
		}
	}
	for _, i := range *m.list.Load() {
		<-i.lock
		show(i)
		i.unlock()
	}
	m.idleMu.Lock()
	defer m.idleMu.Unlock()
	for _, i := range m.idle {
		show(i)
	}
}
