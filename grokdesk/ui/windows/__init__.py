"""One pane or window a module. A pane does not know its host: it is a `QWidget` made from a `Desk`."""
