"""The report: one HTML page about a model that needs nothing else, neither files nor a network.

model ──collect──► ReportData (plain values) ──render_report──► HTML
"""

from coterie.report.collect import collect
from coterie.report.data import ReportData
from coterie.report.render import render_evolution, render_report, write_report

__all__ = ["ReportData", "collect", "render_evolution", "render_report", "write_report"]
