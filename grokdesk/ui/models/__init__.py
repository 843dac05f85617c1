"""The rows that panes show: lists with an order and a filter, changed row by row, not reset by notices."""
