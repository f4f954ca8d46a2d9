"""What every route is made of: the table of what can be asked, parameters, answers, pages."""
